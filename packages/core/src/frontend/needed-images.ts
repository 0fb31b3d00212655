import type { Stage, StageInstruction } from '@tsbuild/parser'
import type { ParsedDockerfile } from '../parse/protocol.js'
import { stageNamed } from './stages.js'

/** An image, or the context in its stead, that a stage starts from or takes files from. */
export interface NeededImage {
  readonly name: string
  readonly stage: Stage
}

export interface NeededImagesOptions {
  /** Name behind FROM, its variables replaced; '' where that can't be told. */
  baseOf(stage: Stage): string
  /** Whether a further context stands for that name. */
  isContext(name: string): boolean
}

/** The images that a target will need, over all stages that it reaches, before anything of them is carried out. Names that have
 * variables are left out. */
export function neededImages(
  dockerfile: ParsedDockerfile,
  target: Stage,
  { baseOf, isContext }: NeededImagesOptions,
): NeededImage[] {
  const needed: NeededImage[] = []
  const seen = new Set<number>()
  const visit = (stage: Stage): void => {
    if (seen.has(stage.index)) return
    seen.add(stage.index)
    if (stage.name !== undefined && isContext(stage.name)) {
      needed.push({ name: stage.name, stage })
      return
    }
    const base = baseOf(stage)
    take(base, stage, stageNamed(dockerfile, base, stage.index))
    for (const name of stage.instructions.flatMap(sourcesOf)) take(name, stage, namedOrCounted(dockerfile, name))
  }
  const take = (name: string, stage: Stage, other: Stage | undefined): void => {
    if (other !== undefined) visit(other)
    else if (name !== '' && name !== 'scratch' && !name.includes('$')) needed.push({ name, stage })
  }
  visit(target)
  return needed
}

/** What a step takes files from. */
function sourcesOf(instruction: StageInstruction): string[] {
  switch (instruction.kind) {
    case 'copy':
      return instruction.from === undefined ? [] : [instruction.from]
    case 'run':
      return instruction.mountFlags.flatMap(({ from }) => from ?? [])
    default:
      return []
  }
}

function namedOrCounted(dockerfile: ParsedDockerfile, name: string): Stage | undefined {
  return /^\d+$/.test(name) ? dockerfile.stages[Number(name)] : stageNamed(dockerfile, name)
}
