import type { Dockerfile, Stage } from '../ast.js'
import { type Expansion, expandWord } from '../shell/word.js'
import type { GlobalArgs } from './globals.js'
import { platformOrNone } from './platform-or-none.js'

/** The FROM of a stage with its variables replaced. */
export interface StageHead {
  readonly stage: Stage
  readonly baseName: Expansion
  readonly platform?: Expansion
  /** The base name when no build argument is given. */
  readonly defaultBaseName: string | undefined
}

/** Expands every FROM. Behind one that comes to nothing the build does not look, so the checks see nothing there:
 * `complete` is false then.
 * @throws {ParseError} `EXPANSION_FAILED` */
export function stageHeads(
  dockerfile: Dockerfile,
  globals: GlobalArgs,
  defaults: ReadonlyMap<string, string> | undefined,
): { readonly heads: readonly StageHead[]; readonly complete: boolean } {
  const heads = dockerfile.stages.map((stage) => head(dockerfile, stage, globals, defaults))
  const broken = heads.findIndex(cannotStart)
  if (broken < 0) return { heads, complete: true }
  return { heads: heads.map((stage, index) => (index > broken ? unseen(stage) : stage)), complete: false }
}

/** The global arguments as they are without build arguments, where that can be said. */
export function defaultValues(make: () => GlobalArgs): ReadonlyMap<string, string> | undefined {
  try {
    return make().values
  } catch {
    // A default that demands a build argument (`${X:?}`) makes the question moot.
    return undefined
  }
}

function head(
  { escape }: Dockerfile,
  stage: Stage,
  globals: GlobalArgs,
  defaults: ReadonlyMap<string, string> | undefined,
): StageHead {
  const baseName = expandWord(stage.baseName, globals.values, { escape })
  let defaultBaseName: string | undefined
  try {
    defaultBaseName = defaults && expandWord(stage.baseName, defaults, { escape }).value
  } catch {
    defaultBaseName = undefined
  }
  const platform =
    stage.platform === undefined ? {} : { platform: expandWord(stage.platform, globals.values, { escape }) }
  return { stage, baseName, ...platform, defaultBaseName }
}

function cannotStart({ baseName, platform }: StageHead): boolean {
  return baseName.value === '' || (platform !== undefined && platformOrNone(platform.value) === undefined)
}

function unseen({ stage, baseName, defaultBaseName }: StageHead): StageHead {
  return { stage, baseName: { ...baseName, used: [], unmatched: [] }, defaultBaseName }
}
