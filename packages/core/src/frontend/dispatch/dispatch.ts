import { expandInstruction, type StageInstruction } from '@tsbuild/parser'
import type { StageState } from '../stage-state.js'
import type { StageContext } from './context.js'
import { copy } from './copy.js'
import { declareArgs, exposeWords, metadata } from './metadata.js'
import { run } from './run.js'
import { workdir } from './workdir.js'

/** Carries out one instruction on a stage: expands its variables, then does what its kind does. */
export async function dispatch(
  state: StageState,
  written: StageInstruction,
  context: StageContext,
): Promise<StageState> {
  const scope = { given: context.given, globals: context.globals, escape: context.escape }
  if (written.kind === 'arg') return declareArgs(state, expandInstruction(written, state.env, scope).instruction, scope)
  const { instruction } = expandInstruction<StageInstruction>(written, state.env, scope)
  switch (instruction.kind) {
    case 'run':
      return await run(state, instruction, context)
    case 'copy':
    case 'add':
      return await copy(state, instruction, context)
    case 'workdir':
      return workdir(state, instruction, context)
    case 'env':
      return metadata.env(state, instruction)
    case 'label':
      return metadata.label(state, instruction)
    case 'user':
      return metadata.user(state, instruction)
    case 'cmd':
      return metadata.cmd(state, instruction)
    case 'entrypoint':
      return metadata.entrypoint(state, instruction)
    case 'expose':
      return metadata.expose(state, { ...instruction, ports: exposeWords(instruction.ports, state, context.escape) })
    case 'volume':
      return metadata.volume(state, instruction)
    case 'stopsignal':
      return metadata.stopsignal(state, instruction)
    case 'shell':
      return metadata.shell(state, instruction)
    case 'healthcheck':
      return metadata.healthcheck(state, instruction)
    case 'onbuild':
      return metadata.onbuild(state, instruction)
    case 'maintainer':
      return metadata.maintainer(state, instruction)
    case 'arg':
      return declareArgs(state, instruction, scope)
  }
}
