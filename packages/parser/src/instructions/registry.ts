import type { InstructionKind } from '../ast.js'
import { add } from './add.js'
import { arg } from './arg.js'
import { cmd } from './cmd.js'
import { copy } from './copy.js'
import type { InstructionDefinition } from './definition.js'
import { entrypoint } from './entrypoint.js'
import { env } from './env.js'
import { expose } from './expose.js'
import { from } from './from.js'
import { healthcheck } from './healthcheck.js'
import { label } from './label.js'
import { maintainer } from './maintainer.js'
import { onbuild } from './onbuild.js'
import { run } from './run.js'
import { shell } from './shell.js'
import { stopsignal } from './stopsignal.js'
import { user } from './user.js'
import { volume } from './volume.js'
import { workdir } from './workdir.js'

/** Every instruction there is. */
const definitions: { readonly [Kind in InstructionKind]: InstructionDefinition<Kind> } = {
  add,
  arg,
  cmd,
  copy,
  entrypoint,
  env,
  expose,
  from,
  healthcheck,
  label,
  maintainer,
  onbuild,
  run,
  shell,
  stopsignal,
  user,
  volume,
  workdir,
}

/** The keywords in upper case, for suggestions. */
export const instructionNames: readonly string[] = Object.keys(definitions).map((kind) => kind.toUpperCase())

/** The definition of a keyword in lower case. */
export function definitionOf(keyword: string): InstructionDefinition | undefined {
  return Object.hasOwn(definitions, keyword)
    ? (definitions[keyword as InstructionKind] as unknown as InstructionDefinition)
    : undefined
}
