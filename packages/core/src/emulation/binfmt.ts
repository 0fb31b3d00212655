import type { Platform } from '@tsbuild/spec'

/** A program that the kernel starts in place of others, by their first bytes (binfmt_misc). */
export interface Emulator {
  readonly name: string
  /** Path of the program that runs them. */
  readonly interpreter: string
  /** Whether the kernel holds the interpreter open (flag `F`), so that it works in any root file system. */
  readonly fixed: boolean
  readonly offset: number
  readonly magic: Uint8Array
  /** As long as `magic`. */
  readonly mask: Uint8Array
}

/** Reads a file of `/proc/sys/fs/binfmt_misc`; `undefined` for one that is disabled or goes by a file name's ending. */
export function parseRegistration(name: string, text: string): Emulator | undefined {
  const [state, ...lines] = text.split('\n')
  if (state !== 'enabled') return undefined
  const members = new Map(lines.map((line) => split(line)))
  const interpreter = members.get('interpreter')
  const magic = members.get('magic')
  if (interpreter === undefined || magic === undefined) return undefined
  const bytes = Buffer.from(magic, 'hex')
  const mask = members.get('mask')
  return {
    name,
    interpreter,
    fixed: (members.get('flags:') ?? '').includes('F'),
    offset: Number(members.get('offset') ?? 0),
    magic: bytes,
    mask: mask === undefined ? Buffer.alloc(bytes.length, 0xff) : Buffer.from(mask, 'hex'),
  }
}

function split(line: string): [string, string] {
  const space = line.indexOf(' ')
  return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)]
}

/** The emulator that would run programs of a platform; one that works in any root file system is preferred. */
export function emulatorFor(platform: Platform, emulators: readonly Emulator[]): Emulator | undefined {
  const header = elfHeader(platform)
  if (header === undefined) return undefined
  const fitting = emulators.filter((emulator) => matches(emulator, header))
  return fitting.find(({ fixed }) => fixed) ?? fitting[0]
}

function matches({ offset, magic, mask }: Emulator, header: Uint8Array): boolean {
  return magic.every(
    (byte, index) => (byte & (mask[index] ?? 0xff)) === ((header[offset + index] ?? 0) & (mask[index] ?? 0xff)),
  )
}

interface Machine {
  /** ELF's number of the processor (e_machine). */
  readonly machine: number
  readonly bits: 32 | 64
  readonly order: 'little' | 'big'
}

const machines: Readonly<Record<string, Machine>> = {
  '386': { machine: 3, bits: 32, order: 'little' },
  amd64: { machine: 62, bits: 64, order: 'little' },
  arm: { machine: 40, bits: 32, order: 'little' },
  arm64: { machine: 183, bits: 64, order: 'little' },
  loong64: { machine: 258, bits: 64, order: 'little' },
  mips: { machine: 8, bits: 32, order: 'big' },
  mips64: { machine: 8, bits: 64, order: 'big' },
  mips64le: { machine: 8, bits: 64, order: 'little' },
  mipsle: { machine: 8, bits: 32, order: 'little' },
  ppc64: { machine: 21, bits: 64, order: 'big' },
  ppc64le: { machine: 21, bits: 64, order: 'little' },
  riscv64: { machine: 243, bits: 64, order: 'little' },
  s390x: { machine: 22, bits: 64, order: 'big' },
}

/** How a Linux program of the platform begins: e_ident, e_type (ET_EXEC), e_machine, e_version. */
function elfHeader({ os, architecture }: Platform): Uint8Array | undefined {
  const known = os === 'linux' && Object.hasOwn(machines, architecture) ? machines[architecture] : undefined
  if (known === undefined) return undefined
  const { machine, bits, order } = known
  const header = Buffer.alloc(64)
  header.set([0x7f, 0x45, 0x4c, 0x46, bits / 32, order === 'little' ? 1 : 2, 1])
  const words: readonly [at: number, value: number][] = [
    [16, 2],
    [18, machine],
  ]
  for (const [at, value] of words) {
    if (order === 'little') header.writeUInt16LE(value, at)
    else header.writeUInt16BE(value, at)
  }
  header[order === 'little' ? 20 : 23] = 1
  return header
}
