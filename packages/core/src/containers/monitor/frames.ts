import type { Readable } from 'node:stream'

/** What a frame between a container's monitor and its users carries: JSON, or bytes of a stream. */
export const frameKinds = { control: 0, stdin: 1, stdout: 2, stderr: 3 } as const

export type FrameKind = keyof typeof frameKinds

export interface Frame {
  readonly kind: FrameKind
  readonly payload: Buffer
}

const headerBytes = 5
const mostBytes = 4 << 20
const kinds = Object.keys(frameKinds) as FrameKind[]

/** One byte of kind, four of length (big endian), the payload. */
export function encodeFrame(kind: FrameKind, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + payload.length)
  frame.writeUInt8(frameKinds[kind], 0)
  frame.writeUInt32BE(payload.length, 1)
  frame.set(payload, headerBytes)
  return frame
}

export function encodeControl(message: object): Buffer {
  return encodeFrame('control', Buffer.from(JSON.stringify(message)))
}

/** The frames of a stream until it ends; one that is cut off is left out. The stream waits while a frame is looked at.
 * @throws {RangeError} when it is no stream of frames */
export async function* readFrames(stream: Readable): AsyncGenerator<Frame> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of stream) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    for (let frame = takeFrame(rest); frame !== undefined; frame = takeFrame(rest)) {
      rest = rest.subarray(headerBytes + frame.payload.length)
      yield frame
    }
  }
}

function takeFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < headerBytes) return undefined
  const kind = kinds[bytes.readUInt8(0)]
  const length = bytes.readUInt32BE(1)
  if (kind === undefined || length > mostBytes) throw new RangeError('not a frame')
  if (bytes.length < headerBytes + length) return undefined
  return { kind, payload: bytes.subarray(headerBytes, headerBytes + length) }
}
