import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Numbers that look random and are the same in each run (xorshift). */
export class Dice {
  private state: number

  constructor(seed: number) {
    this.state = seed
  }

  below(limit: number): number {
    let x = this.state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.state = x
    return (x >>> 0) % limit
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }
}

export interface ContextFile {
  readonly content: string
  readonly mode: number
  /** `content` is the target of a symbolic link. */
  readonly link?: true
}

export interface Stage {
  readonly name: string
  readonly from: string
  readonly lines: readonly string[]
}

/** A context, a Dockerfile and flags. */
export interface Project {
  readonly files: Readonly<Record<string, ContextFile>>
  readonly ignore: readonly string[]
  readonly stages: readonly Stage[]
  readonly args: Readonly<Record<string, string>>
  readonly noCache: boolean | readonly string[]
  readonly target?: string
}

export const firstProject: Project = {
  files: Object.fromEntries(
    ['package.json', 'src/a', 'src/b', 'src/deep/c', 'lib/x', 'lib/y', 'data/1', 'data/2'].map((path) => [
      path,
      { content: path, mode: 0o644 },
    ]),
  ),
  ignore: [],
  stages: [
    { name: 'base', from: 'scratch', lines: ['WORKDIR /out', 'COPY package.json /out/'] },
    { name: 'one', from: 'base', lines: ['COPY src /out/src', 'ENV MODE=1'] },
    { name: 'two', from: 'scratch', lines: ['WORKDIR /out', 'ARG VERSION=1', 'COPY lib/ /out/lib-$VERSION/'] },
    { name: 'last', from: 'base', lines: ['COPY --from=one /out /one', 'COPY --from=two /out /two', 'LABEL a=1'] },
  ],
  args: {},
  noCache: false,
}

/** The Dockerfile's text. */
export function dockerfileOf({ stages }: Project): string {
  return stages.map(({ name, from, lines }) => `FROM ${from} AS ${name}\n${lines.join('\n')}\n`).join('\n')
}

/** Makes the directory what the project says; only what differs from `before` is touched. */
export async function writeProject(directory: string, project: Project, before?: Project): Promise<void> {
  for (const path of Object.keys(before?.files ?? {})) {
    if (project.files[path] !== before?.files[path]) await rm(join(directory, path), { force: true })
  }
  for (const [path, file] of Object.entries(project.files)) {
    if (before?.files[path] === file) continue
    const to = join(directory, path)
    await mkdir(dirname(to), { recursive: true })
    if (file.link) await symlink(file.content, to)
    else {
      await writeFile(to, file.content)
      await chmod(to, file.mode)
    }
  }
  await writeFile(join(directory, '.dockerignore'), project.ignore.join('\n'))
}

const sources = [
  'package.json',
  'src',
  'src/',
  'lib',
  'data',
  'lib/x data/1',
  '--link lib',
  '--link src/deep',
  '--chmod=600 data',
]
const words = ['1', '2', 'three', 'x']

/** One line that fits every stage. */
function newLine(dice: Dice, number: number, earlier: readonly string[]): string {
  const target = `/out/${dice.of(['m', 'n', 'o'])}/`
  const from = earlier.length === 0 ? 'lib' : `--from=${dice.of(earlier)} /out`
  return dice.of([
    `COPY ${dice.of(sources)} ${target}`,
    `ADD ${dice.of(sources.slice(0, 6))} ${target}`,
    `COPY ${from} /got${number % 3}/`,
    `COPY --link ${from} /got${number % 3}/`,
    `WORKDIR /out/w${number % 4}`,
    `ENV E${number % 3}=${dice.of(words)}`,
    `LABEL l${number % 3}=${dice.of(words)}`,
    `ARG VERSION=${dice.of(words)}`,
    'MAINTAINER somebody',
  ])
}

type Mutation = (project: Project, dice: Dice, number: number) => Project

function withFile(project: Project, path: string, file: ContextFile | undefined): Project {
  const { [path]: _, ...rest } = project.files
  return { ...project, files: file === undefined ? rest : { ...rest, [path]: file } }
}

function withLines(
  project: Project,
  dice: Dice,
  change: (lines: readonly string[], index: number) => readonly string[],
): Project {
  const at = dice.below(project.stages.length)
  const stages = project.stages.map((stage, index) =>
    index === at ? { ...stage, lines: change(stage.lines, at) } : stage,
  )
  return { ...project, stages }
}

const mutations: Readonly<Record<string, Mutation>> = {
  content: (project, dice, number) => {
    const path = dice.of(Object.keys(project.files))
    return withFile(project, path, { content: `content ${number % 7}`, mode: 0o644 })
  },
  rewrite: (project, dice) => {
    const path = dice.of(Object.keys(project.files))
    return withFile(project, path, { ...(project.files[path] as ContextFile) })
  },
  mode: (project, dice) => {
    const path = dice.of(Object.keys(project.files))
    const file = project.files[path] as ContextFile
    return withFile(project, path, { ...file, mode: file.mode ^ 0o020 })
  },
  add: (project, dice, number) =>
    withFile(project, `${dice.of(['src', 'lib', 'data', 'other'])}/new${number % 5}`, { content: 'new', mode: 0o644 }),
  remove: (project, dice) => {
    const path = dice.of(Object.keys(project.files))
    return /new|link/.test(path) ? withFile(project, path, undefined) : project
  },
  link: (project, dice) =>
    withFile(project, `${dice.of(['src', 'lib'])}/link`, { content: dice.of(words), mode: 0o777, link: true }),
  ignore: (project, dice) => ({ ...project, ignore: dice.of([[], ['other'], ['src/new*'], ['**/link']]) }),
  argument: (project, dice) => ({ ...project, args: dice.of([{}, { VERSION: dice.of(words) }]) }),
  insert: (project, dice, number) =>
    withLines(project, dice, (lines, stage) => {
      if (lines.length > 6) return lines
      const earlier = project.stages.slice(0, stage).map(({ name }) => name)
      const at = 1 + dice.below(lines.length)
      return [...lines.slice(0, at), newLine(dice, number, earlier), ...lines.slice(at)]
    }),
  drop: (project, dice) =>
    withLines(project, dice, (lines) => {
      const at = 1 + dice.below(lines.length)
      return lines.filter((_, index) => index !== at)
    }),
  swap: (project, dice) =>
    withLines(project, dice, (lines) => {
      const at = 1 + dice.below(lines.length)
      return [...lines.slice(0, at), ...lines.slice(at, at + 2).reverse(), ...lines.slice(at + 2)]
    }),
  base: (project, dice) => {
    const stages = project.stages.map((stage) =>
      stage.name === 'two' ? { ...stage, from: dice.of(['scratch', 'base']) } : stage,
    )
    return { ...project, stages }
  },
  target: (project, dice) => {
    const { target: _, ...rest } = project
    return dice.below(3) === 0 ? { ...rest, target: dice.of(['one', 'two']) } : rest
  },
  noCache: (project, dice) => ({ ...project, noCache: dice.of([false, false, false, ['one'], ['base'], ['two']]) }),
}

/** Another project, near this one. `ARG`s and `noCache` of one step fall back later. */
export function mutate(
  project: Project,
  dice: Dice,
  number: number,
): { readonly name: string; readonly project: Project } {
  const name = dice.of(Object.keys(mutations))
  const calm = { ...project, noCache: false }
  return { name, project: mutations[name]!(calm, dice, number) }
}
