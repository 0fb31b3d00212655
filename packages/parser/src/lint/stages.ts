import type { Dockerfile, Stage, StageInstruction } from '../ast.js'

/** The stages of a file with their FROM resolved, and what each needs. */
export interface StageGraph {
  /** The stage that a stage starts from, by index. */
  readonly bases: ReadonlyMap<number, Stage>
  /** Finds what `--from` means, if it is a stage. */
  find(from: string): Stage | undefined
}

/** @param baseNames the expanded base name of each stage */
export function stageGraph(dockerfile: Dockerfile, baseNames: readonly string[]): StageGraph {
  const byName = new Map<string, Stage>()
  const bases = new Map<number, Stage>()
  for (const stage of dockerfile.stages) {
    const base = byName.get(baseNames[stage.index] ?? '')
    if (base !== undefined) bases.set(stage.index, base)
    if (stage.name !== undefined) byName.set(stage.name, stage)
  }
  return {
    bases,
    find: (from) => (/^\d+$/.test(from) ? dockerfile.stages[Number(from)] : byName.get(from.toLowerCase())),
  }
}

/** The stages that a target needs, itself included.
 * @param instructionsOf what runs in a stage, inherited triggers included */
export function reachableStages(
  target: Stage,
  graph: StageGraph,
  instructionsOf: (stage: Stage) => readonly StageInstruction[],
): ReadonlySet<number> {
  const seen = new Set<number>()
  const open = [target]
  for (let stage = open.pop(); stage !== undefined; stage = open.pop()) {
    if (seen.has(stage.index)) continue
    seen.add(stage.index)
    const base = graph.bases.get(stage.index)
    if (base !== undefined) open.push(base)
    for (const instruction of instructionsOf(stage)) {
      for (const from of sourcesOf(instruction)) {
        const source = graph.find(from)
        if (source !== undefined) open.push(source)
      }
    }
  }
  return seen
}

function sourcesOf(instruction: StageInstruction): readonly string[] {
  if (instruction.kind === 'copy') return instruction.from === undefined ? [] : [instruction.from]
  return instruction.kind === 'run' ? instruction.mountFlags.flatMap(({ from }) => from ?? []) : []
}
