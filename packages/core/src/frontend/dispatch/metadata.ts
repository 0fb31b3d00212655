import { type EscapeToken, expandWord, expandWords, type StageInstruction } from '@tsbuild/parser'
import type { ContainerConfig } from '@tsbuild/spec'
import { CoreError } from '../../errors.js'
import { setEnvItem } from '../env.js'
import { goHealthcheck, goList, goQuotedList } from '../go-format.js'
import { parsePorts } from '../ports.js'
import { type StageState, withHistory } from '../stage-state.js'
import { shellArgs } from './shell.js'

type Of<K extends StageInstruction['kind']> = Extract<StageInstruction, { kind: K }>

/** Instructions that only change the image's config; each adds a line of history without a layer. All take the instruction
 * with its variables expanded. */
export const metadata = {
  env(state: StageState, { pairs }: Of<'env'>): StageState {
    let { env } = state
    let list = state.config.Env
    for (const { key, value } of pairs) {
      env = env.with(key, value)
      list = setEnvItem(list, key, value)
    }
    return withHistory(
      { ...setConfig(state, { Env: list ?? [] }), env },
      `ENV ${pairs.map(({ key, value }) => `${key}=${value}`).join(' ')}`,
      'empty',
    )
  },

  label(state: StageState, { pairs }: Of<'label'>): StageState {
    const Labels = { ...state.config.Labels, ...Object.fromEntries(pairs.map(({ key, value }) => [key, value])) }
    return withHistory(
      setConfig(state, { Labels }),
      `LABEL ${pairs.map(({ key, value }) => `${key}=${value}`).join(' ')}`,
      'empty',
    )
  },

  user(state: StageState, { user }: Of<'user'>): StageState {
    return withHistory(setConfig(state, { User: user }), `USER ${user}`, 'empty')
  },

  cmd(state: StageState, { command }: Of<'cmd'>): StageState {
    const Cmd = shellArgs(state, command)
    return withHistory(
      { ...setConfig(state, { Cmd, ArgsEscaped: true }), cmdSet: true },
      `CMD ${goQuotedList(Cmd)}`,
      'empty',
    )
  },

  entrypoint(state: StageState, { command }: Of<'entrypoint'>): StageState {
    const Entrypoint = shellArgs(state, command)
    const { Cmd: _, ...inherited } = state.config
    const config = state.cmdSet ? state.config : inherited
    return withHistory(
      { ...state, config: { ...config, Entrypoint } },
      `ENTRYPOINT ${goQuotedList(Entrypoint)}`,
      'empty',
    )
  },

  expose(state: StageState, { ports: words }: Of<'expose'>): StageState {
    const ports = parsePorts(words)
    const ExposedPorts = { ...state.config.ExposedPorts, ...Object.fromEntries(ports.map((port) => [port, {}])) }
    return withHistory(setConfig(state, { ExposedPorts }), `EXPOSE ${goList(ports)}`, 'empty')
  },

  volume(state: StageState, { volumes }: Of<'volume'>): StageState {
    if (volumes.includes('')) throw new CoreError('DOCKERFILE_INVALID', 'VOLUME specified can not be an empty string')
    const Volumes = { ...state.config.Volumes, ...Object.fromEntries(volumes.map((path) => [path, {}])) }
    return withHistory(setConfig(state, { Volumes }), `VOLUME ${goList(volumes)}`, 'empty')
  },

  stopsignal(state: StageState, { signal }: Of<'stopsignal'>): StageState {
    return withHistory(setConfig(state, { StopSignal: signal }), `STOPSIGNAL ${signal}`, 'empty')
  },

  shell(state: StageState, { shell }: Of<'shell'>): StageState {
    return withHistory(setConfig(state, { Shell: shell }), `SHELL ${goList(shell)}`, 'empty')
  },

  healthcheck(state: StageState, { healthcheck }: Of<'healthcheck'>): StageState {
    return withHistory(
      setConfig(state, { Healthcheck: healthcheck }),
      `HEALTHCHECK ${goHealthcheck(healthcheck)}`,
      'empty',
    )
  },

  /** Triggers leave no line of history. */
  onbuild(state: StageState, { expression }: Of<'onbuild'>): StageState {
    return setConfig(state, { OnBuild: [...(state.config.OnBuild ?? []), expression] })
  },

  maintainer(state: StageState, { name }: Of<'maintainer'>): StageState {
    return withHistory({ ...state, author: name }, `MAINTAINER ${name}`, 'empty')
  },
}

/** What ARG has to know besides its stage. */
export interface ArgScope {
  readonly given: Readonly<Record<string, string>>
  readonly globals: { get(name: string): string | undefined }
  readonly escape: EscapeToken
}

/** ARG: a value that was passed wins, then the default (only then expanded), then the global scope's. */
export function declareArgs(
  state: StageState,
  instruction: Of<'arg'>,
  { given, globals, escape }: ArgScope,
): StageState {
  let { env } = state
  const buildArgs = [...state.buildArgs]
  const shown: string[] = []
  for (const arg of instruction.args) {
    const value =
      given[arg.key] ?? (arg.value === undefined ? globals.get(arg.key) : expandWord(arg.value, env, { escape }).value)
    if (value !== undefined) env = env.with(arg.key, value)
    buildArgs.push(value === undefined ? { key: arg.key } : { key: arg.key, value })
    shown.push(value === undefined ? arg.key : `${arg.key}=${value}`)
  }
  return withHistory({ ...state, env, buildArgs }, `ARG ${shown.join(' ')}`, 'empty')
}

/** EXPOSE's words split again once their variables are known. */
export function exposeWords(words: readonly string[], state: StageState, escape: EscapeToken): string[] {
  return words.flatMap((word) => expandWords(word, state.env, { escape }).values)
}

function setConfig(state: StageState, change: Partial<ContainerConfig>): StageState {
  return { ...state, config: { ...state.config, ...change } }
}
