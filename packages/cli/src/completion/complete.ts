import { type Argument, Command, type Option } from 'commander'
import { type CliEntry, isGroup } from '../commands/command.js'

/** One thing that could stand at the cursor. */
export interface Candidate {
  readonly value: string
  readonly description?: string
}

export interface Completion {
  /** What the shell completes by itself besides. */
  readonly paths: 'files' | 'directories' | 'none'
  readonly candidates: readonly Candidate[]
}

/** Names that only the root folder knows. */
export interface KnownNames {
  readonly images: readonly string[]
  readonly containers: readonly string[]
}

/** Asked only where names can stand. @param root what `--root` says on the command line */
export type FindNames = (root: string | undefined) => Promise<KnownNames>

type Entries = Readonly<Record<string, CliEntry>>

const nothing: Completion = { paths: 'none', candidates: [] }

/** Says what can stand in place of the last word, by the definitions of the commands themselves.
 * @param words those of the command line behind the program's name, up to the cursor; the last one may be empty */
export async function complete(entries: Entries, words: readonly string[], findNames: FindNames): Promise<Completion> {
  const [first = '', ...rest] = words
  if (rest.length === 0) return startingWith(first, commandNames(entries))
  if (first === 'help') return complete(entries, rest, findNames)
  const entry = Object.hasOwn(entries, first) ? entries[first] : undefined
  if (entry === undefined) return nothing
  if (isGroup(entry)) return complete(entry.commands, rest, findNames)
  const command = new Command(first)
  entry.define(command)
  return new Line(command, rest, entry.operandsEndOptions === true, findNames).complete()
}

function commandNames(entries: Entries): Candidate[] {
  const names = Object.entries(entries).filter(([name]) => !name.startsWith('_'))
  return [
    ...names.map(([value, { summary }]) => ({ value, description: summary })),
    { value: '--help', description: 'display help for command' },
  ]
}

function startingWith(word: string, candidates: readonly Candidate[], prefix = ''): Completion {
  const whole = candidates.map(({ value, ...more }) => ({ value: prefix + value, ...more }))
  return { paths: 'none', candidates: whole.filter(({ value }) => value.startsWith(word)) }
}

/** The words of one command. */
class Line {
  readonly #command: Command
  readonly #findNames: FindNames
  readonly #current: string
  /** Positional arguments before the current word. */
  readonly #operands: string[] = []
  /** The option whose value the current word is. */
  #pending: Option | undefined
  #optionsEnded = false
  #root: string | undefined

  constructor(command: Command, words: readonly string[], operandsEndOptions: boolean, findNames: FindNames) {
    this.#command = command
    this.#findNames = findNames
    this.#current = words.at(-1) ?? ''
    for (const word of words.slice(0, -1)) this.#take(word, operandsEndOptions)
  }

  #take(word: string, operandsEndOptions: boolean): void {
    if (this.#pending !== undefined) {
      if (this.#pending.long === '--root') this.#root = word
      this.#pending = undefined
    } else if (this.#optionsEnded || !word.startsWith('-') || word === '-') {
      this.#operands.push(word)
      this.#optionsEnded ||= operandsEndOptions
    } else if (word === '--') {
      this.#optionsEnded = true
    } else {
      const [name = '', value] = word.split('=', 2)
      const option = this.#option(name)
      if (option?.long === '--root' && value !== undefined) this.#root = value
      if (option?.required && value === undefined) this.#pending = option
    }
  }

  #option(name: string): Option | undefined {
    return this.#command.options.find(({ long, short }) => long === name || short === name)
  }

  async complete(): Promise<Completion> {
    const current = this.#current
    if (this.#pending !== undefined) return this.#value(this.#pending, '')
    if (this.#optionsEnded || !current.startsWith('-')) return await this.#operand()
    const equals = current.indexOf('=')
    if (equals < 0) return startingWith(current, this.#flags())
    const option = this.#option(current.slice(0, equals))
    return option === undefined ? nothing : this.#value(option, current.slice(0, equals + 1))
  }

  #flags(): Candidate[] {
    const flags = this.#command.options
      .filter(({ hidden }) => !hidden)
      .map(({ long, short, description }) => ({ value: long ?? short ?? '', description }))
    return [...flags, { value: '--help', description: 'display help for command' }]
  }

  /** @param prefix what stands in the same word before the value: `--flag=` */
  #value({ argChoices, flags }: Option, prefix: string): Completion {
    if (argChoices !== undefined) return startingWith(this.#current, argChoices.map(asCandidate), prefix)
    const kind = /<([^>]*)>/.exec(flags)?.[1] ?? ''
    if (kind === 'os/arch') return startingWith(this.#current, platforms.map(asCandidate), prefix)
    if (/dir/.test(kind)) return { paths: 'directories', candidates: [] }
    return { paths: /path|file/.test(kind) ? 'files' : 'none', candidates: [] }
  }

  async #operand(): Promise<Completion> {
    const defined = this.#command.registeredArguments
    const argument = defined[this.#operands.length] ?? defined.at(-1)
    if (argument === undefined || (this.#operands.length >= defined.length && !argument.variadic)) return nothing
    if (argument.argChoices !== undefined) return startingWith(this.#current, argument.argChoices.map(asCandidate))
    const paths = pathsOf(argument)
    if (paths !== undefined) return { paths, candidates: [] }
    const kinds = namesOf(argument)
    if (kinds.length === 0) return nothing
    const known = await this.#findNames(this.#root)
    const names = kinds.flatMap((kind) => known[kind])
    return startingWith(this.#current, names.filter((name) => !this.#operands.includes(name)).map(asCandidate))
  }
}

const platforms = [
  'linux/amd64',
  'linux/arm64',
  'linux/arm/v7',
  'linux/386',
  'linux/ppc64le',
  'linux/s390x',
  'linux/riscv64',
]

const asCandidate = (value: string): Candidate => ({ value })

function pathsOf(argument: Argument): 'files' | 'directories' | undefined {
  const name = argument.name()
  if (/^PATH|^DIR|CONTEXT/.test(name)) return 'directories'
  return /^FILE|ARCHIVE|^SRC|^DEST/.test(name) ? 'files' : undefined
}

function namesOf(argument: Argument): readonly (keyof KnownNames)[] {
  const name = argument.name()
  // Whatever has a name, as in `inspect`.
  if (name === 'NAME') return ['images', 'containers']
  if (/CONTAINER/.test(name)) return ['containers']
  return /IMAGE|^NAME|^SOURCE|^TARGET|REPOSITORY/.test(name) ? ['images'] : []
}
