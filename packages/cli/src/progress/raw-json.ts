import type { BuildEvent } from '@tsbuild/spec'

/** An event as one line of JSON; the bytes of a log are base64. */
export function formatRawJson(event: BuildEvent): string {
  if (event.kind !== 'log') return `${JSON.stringify(event)}\n`
  const { data, ...rest } = event
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')
  return `${JSON.stringify({ ...rest, data: text })}\n`
}
