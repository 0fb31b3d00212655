import type { StepReport } from '@tsbuild/solver'
import type { CacheRecord } from '@tsbuild/spec'
import { pauses } from '../../frontend/pauses.js'
import { type LayerChain, layerFromValue } from '../../ops/layers.js'
import { RecordConcealer } from './concealer.js'

/** What a build's records are made of. */
export interface RecordedBuild {
  readonly steps: readonly StepReport<LayerChain>[]
  /** Of its build arguments: others should not read them. */
  readonly argValues: readonly string[]
}

/** The records of all steps, each once, as they may leave.
 * @param layers where not all steps matter: of one that made none of these, only what its key is, leaves */
export async function travellingRecords(
  { steps, argValues }: RecordedBuild,
  layers?: ReadonlySet<string>,
): Promise<CacheRecord[]> {
  const concealer = new RecordConcealer(argValues)
  const all = recordsOf(steps)
  const matters = layers === undefined ? () => true : mattersFor(all, layers)
  const pause = pauses()
  const out: CacheRecord[] = []
  for (const record of all) {
    out.push(matters(record) ? concealer.conceal(record) : keyOnly(record))
    await pause()
  }
  return out
}

function recordsOf(steps: RecordedBuild['steps']): CacheRecord[] {
  return [
    ...new Map(
      steps.flatMap(({ record }) => (record === undefined ? [] : [[record.resultId + record.key, record]])),
    ).values(),
  ]
}

/** The steps that made these layers, and the images that those stand on. */
function mattersFor(records: readonly CacheRecord[], layers: ReadonlySet<string>): (record: CacheRecord) => boolean {
  const made = ({ value }: CacheRecord) => layers.has(layerFromValue(value) ?? '')
  const bases = new Set(records.filter(made).flatMap(({ madeOn }) => madeOn))
  return (record) => made(record) || (record.kind === 'image' && bases.has(record.resultId))
}

function keyOnly({ name: _, facts: __, ...record }: CacheRecord): CacheRecord {
  return { ...record, inputs: [] }
}
