import { posix } from 'node:path'
import type { WorkdirInstruction } from '@tsbuild/parser'
import { type StageState, withHistory } from '../stage-state.js'
import type { StageContext } from './context.js'

/** WORKDIR: makes the directory, owned by the stage's USER, in a layer of its own; `/` is always there. */
export function workdir(state: StageState, instruction: WorkdirInstruction, context: StageContext): StageState {
  const path = posix.resolve('/', state.config.WorkingDir ?? '/', instruction.path)
  // As BuildKit records it: an absolute path stays as written, trailing slash included.
  const recorded = instruction.path.startsWith('/') ? instruction.path : path
  const moved = { ...state, config: { ...state.config, WorkingDir: recorded } }
  const label = context.step(instruction, state)
  if (recorded === '/') return withHistory(moved, `WORKDIR ${recorded}`, 'empty')
  const vertex = context.graph.mkdir({ path, user: state.config.User ?? '', author: state.author }, state.vertex, label)
  return withHistory({ ...moved, vertex }, `WORKDIR ${recorded}`, 'layer')
}
