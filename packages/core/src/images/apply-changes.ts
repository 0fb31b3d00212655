import { posix } from 'node:path'
import {
  type EscapeToken,
  expandInstruction,
  ParseError,
  parseOnbuildTrigger,
  type StageInstruction,
} from '@tsbuild/parser'
import type { ContainerConfig } from '@tsbuild/spec'
import { CoreError } from '../errors.js'
import { exposeWords, metadata } from '../frontend/dispatch/metadata.js'
import { Env } from '../frontend/env.js'
import type { ConfigState } from '../frontend/stage-state.js'

const allowed = [
  'CMD',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'HEALTHCHECK',
  'LABEL',
  'ONBUILD',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
]
const escape: EscapeToken = '\\'

/** Applies instructions of a Dockerfile to an image's config, as `commit --change` and `import --change` take them: those that change
 * nothing but the config. Pure; variables see the config's environment and what earlier changes set. As in a Dockerfile, an ENTRYPOINT
 * takes the CMD of before away.
 * @param changes one instruction each, e.g. `CMD ["/bin/sh"]`
 * @throws {CoreError} `OPTION_INVALID`, with the reason */
export function applyChanges(config: ContainerConfig, changes: readonly string[]): ContainerConfig {
  let state: ConfigState = { config, author: '', env: new Env().withList(config.Env), history: [], cmdSet: false }
  for (const change of changes) {
    try {
      state = applyChange(state, change)
    } catch (error) {
      if (!(error instanceof ParseError) && !(error instanceof CoreError)) throw error
      throw new CoreError('OPTION_INVALID', `Cannot apply change "${change}": ${error.message}`, {
        cause: error,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      })
    }
  }
  return state.config
}

function applyChange(state: ConfigState, change: string): ConfigState {
  const word = /^\s*(\S*)/.exec(change)?.[1]?.toUpperCase() ?? ''
  if (!allowed.includes(word)) {
    throw new CoreError('OPTION_INVALID', word === '' ? 'it is empty' : `"${word}" is not allowed here`, {
      hint: `Only ${allowed.join(', ')} change a config`,
    })
  }
  const scope = { given: {}, globals: new Env(), escape }
  const { instruction } = expandInstruction<StageInstruction>(parseOnbuildTrigger(change), state.env, scope)
  switch (instruction.kind) {
    case 'cmd':
      return metadata.cmd(state, instruction)
    case 'entrypoint':
      return metadata.entrypoint(state, instruction)
    case 'env':
      return metadata.env(state, instruction)
    case 'expose':
      return metadata.expose(state, { ...instruction, ports: exposeWords(instruction.ports, state, escape) })
    case 'healthcheck':
      return metadata.healthcheck(state, instruction)
    case 'label':
      return metadata.label(state, instruction)
    case 'onbuild':
      return metadata.onbuild(state, instruction)
    case 'stopsignal':
      return metadata.stopsignal(state, instruction)
    case 'user':
      return metadata.user(state, instruction)
    case 'volume':
      return metadata.volume(state, instruction)
    case 'workdir': {
      const WorkingDir = posix.resolve('/', state.config.WorkingDir ?? '/', instruction.path)
      return { ...state, config: { ...state.config, WorkingDir } }
    }
    default:
      throw new RangeError(`"${instruction.kind}" is none of the allowed instructions`)
  }
}
