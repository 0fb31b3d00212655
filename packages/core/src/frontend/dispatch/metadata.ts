import { type EscapeToken, expandWord, expandWords, type StageInstruction } from '@tsbuild/parser'
import type { ContainerConfig } from '@tsbuild/spec'
import { CoreError } from '../../errors.js'
import { findSignal } from '../../signals.js'
import { setEnvItems } from '../env.js'
import { goHealthcheck, goList, goQuotedList } from '../go-format.js'
import { parsePorts } from '../ports.js'
import { type ConfigState, type StageState, withHistory } from '../stage-state.js'
import { shellArgs } from './shell.js'

type Of<K extends StageInstruction['kind']> = Extract<StageInstruction, { kind: K }>

/** Instructions that only change the image's config; each adds a line of history without a layer. All take the instruction
 * with its variables expanded. */
export const metadata = {
  env<State extends ConfigState>(state: State, { pairs }: Of<'env'>): State {
    const entries = pairs.map(({ key, value }): [string, string] => [key, value])
    const Env = setEnvItems(state.config.Env, entries)
    return withHistory(
      { ...setConfig(state, { Env }), env: state.env.withAll(entries) },
      `ENV ${pairs.map(({ key, value }) => `${key}=${value}`).join(' ')}`,
      'empty',
    )
  },

  label<State extends ConfigState>(state: State, { pairs }: Of<'label'>): State {
    const Labels = { ...state.config.Labels, ...Object.fromEntries(pairs.map(({ key, value }) => [key, value])) }
    return withHistory(
      setConfig(state, { Labels }),
      `LABEL ${pairs.map(({ key, value }) => `${key}=${value}`).join(' ')}`,
      'empty',
    )
  },

  user<State extends ConfigState>(state: State, { user }: Of<'user'>): State {
    return withHistory(setConfig(state, { User: user }), `USER ${user}`, 'empty')
  },

  cmd<State extends ConfigState>(state: State, { command }: Of<'cmd'>): State {
    const Cmd = shellArgs(state, command)
    return withHistory(
      { ...setConfig(state, { Cmd, ArgsEscaped: true }), cmdSet: true },
      `CMD ${goQuotedList(Cmd)}`,
      'empty',
    )
  },

  entrypoint<State extends ConfigState>(state: State, { command }: Of<'entrypoint'>): State {
    const Entrypoint = shellArgs(state, command)
    const { Cmd: _, ...inherited } = state.config
    const config = state.cmdSet ? state.config : inherited
    return withHistory(
      { ...state, config: { ...config, Entrypoint } },
      `ENTRYPOINT ${goQuotedList(Entrypoint)}`,
      'empty',
    )
  },

  expose<State extends ConfigState>(state: State, { ports: words }: Of<'expose'>): State {
    const ports = parsePorts(words)
    const ExposedPorts = { ...state.config.ExposedPorts, ...Object.fromEntries(ports.map((port) => [port, {}])) }
    return withHistory(setConfig(state, { ExposedPorts }), `EXPOSE ${goList(ports)}`, 'empty')
  },

  volume<State extends ConfigState>(state: State, { volumes }: Of<'volume'>): State {
    if (volumes.includes('')) throw new CoreError('DOCKERFILE_INVALID', 'VOLUME specified can not be an empty string')
    const Volumes = { ...state.config.Volumes, ...Object.fromEntries(volumes.map((path) => [path, {}])) }
    return withHistory(setConfig(state, { Volumes }), `VOLUME ${goList(volumes)}`, 'empty')
  },

  stopsignal<State extends ConfigState>(state: State, { signal }: Of<'stopsignal'>): State {
    if (findSignal(signal) === undefined) throw new CoreError('DOCKERFILE_INVALID', `Invalid signal: ${signal}`)
    return withHistory(setConfig(state, { StopSignal: signal }), `STOPSIGNAL ${signal}`, 'empty')
  },

  shell<State extends ConfigState>(state: State, { shell }: Of<'shell'>): State {
    return withHistory(setConfig(state, { Shell: shell }), `SHELL ${goList(shell)}`, 'empty')
  },

  healthcheck<State extends ConfigState>(state: State, { healthcheck }: Of<'healthcheck'>): State {
    return withHistory(
      setConfig(state, { Healthcheck: healthcheck }),
      `HEALTHCHECK ${goHealthcheck(healthcheck)}`,
      'empty',
    )
  },

  /** Triggers leave no line of history. */
  onbuild<State extends ConfigState>(state: State, { expression }: Of<'onbuild'>): State {
    return setConfig(state, { OnBuild: [...(state.config.OnBuild ?? []), expression] })
  },

  maintainer<State extends ConfigState>(state: State, { name }: Of<'maintainer'>): State {
    return withHistory({ ...state, author: name }, `MAINTAINER ${name}`, 'empty')
  },
}

/** What ARG has to know besides its stage. */
export interface ArgScope {
  readonly given: Readonly<Record<string, string>>
  readonly globals: { get(name: string): string | undefined }
  readonly escape: EscapeToken
}

/** Arguments that steer attestations and never reach the environment. */
const notInEnvironment = new Set(['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE'])

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
    if (value !== undefined && !notInEnvironment.has(arg.key)) env = env.with(arg.key, value)
    buildArgs.push(value === undefined ? { key: arg.key } : { key: arg.key, value })
    shown.push(value === undefined ? arg.key : `${arg.key}=${value}`)
  }
  return withHistory({ ...state, env, buildArgs }, `ARG ${shown.join(' ')}`, 'empty')
}

/** EXPOSE's words split again once their variables are known. */
export function exposeWords(words: readonly string[], state: ConfigState, escape: EscapeToken): string[] {
  return words.flatMap((word) => expandWords(word, state.env, { escape }).values)
}

function setConfig<State extends ConfigState>(state: State, change: Partial<ContainerConfig>): State {
  return { ...state, config: { ...state.config, ...change } }
}
