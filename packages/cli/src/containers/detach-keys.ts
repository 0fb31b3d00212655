import { badFlag } from '../errors.js'

const defaultKeys = 'ctrl-p,ctrl-q'
const named: Readonly<Record<string, number>> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 }

/** The bytes of `--detach-keys ctrl-p,ctrl-q`. @throws {CliError} `ARGUMENT_INVALID` */
export function parseDetachKeys(text = defaultKeys): Buffer {
  return Buffer.from(text.split(',').map((key) => keyCode(text, key)))
}

function keyCode(text: string, key: string): number {
  if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0)
  const [, control = ''] = /^ctrl-([a-z@[\\\]^_])$/.exec(key) ?? []
  const code = named[control] ?? control.charCodeAt(0) - 96
  if (Number.isInteger(code)) return code
  throw badFlag('--detach-keys', text, `"${key}" is no key`, 'a character, or ctrl- and one of a-z, @, [, \\, ], ^, _')
}

/** Looks for the keys in what is typed. The beginning of them is held back until it is clear that the rest does not follow. */
export class DetachFilter {
  readonly #keys: Buffer
  #matched = 0

  constructor(keys: Buffer) {
    this.#keys = keys
  }

  /** What goes on to the container; `undefined` when the keys were typed. */
  add(chunk: Uint8Array): Buffer | undefined {
    const out: number[] = []
    for (const byte of chunk) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched++
        if (this.#matched === this.#keys.length) return undefined
        continue
      }
      out.push(...this.#keys.subarray(0, this.#matched))
      this.#matched = byte === this.#keys[0] ? 1 : 0
      if (this.#matched === 0) out.push(byte)
    }
    return Buffer.from(out)
  }
}
