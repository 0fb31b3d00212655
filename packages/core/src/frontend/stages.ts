import { type Stage, suggest } from '@tsbuild/parser'
import { CoreError } from '../errors.js'
import type { ParsedDockerfile } from '../parse/protocol.js'

/** The stage that is built: the one that `target` names or counts, else the last.
 * @throws {CoreError} `STAGE_NOT_FOUND`, with the nearest name; `DOCKERFILE_INVALID` without any stage */
export function findTarget(dockerfile: ParsedDockerfile, target = ''): Stage {
  const { stages } = dockerfile
  const last = stages.at(-1)
  if (last === undefined) throw new CoreError('DOCKERFILE_INVALID', 'dockerfile contains no stages to build')
  if (target === '') return last
  const found = stageNamed(dockerfile, target) ?? (/^\d+$/.test(target) ? stages[Number(target)] : undefined)
  if (found !== undefined) return found
  const near = suggest(
    target.toLowerCase(),
    stages.flatMap(({ name }) => (name === undefined ? [] : [name])),
  )
  throw new CoreError(
    'STAGE_NOT_FOUND',
    `target stage "${target}" could not be found${near === undefined ? '' : ` (did you mean ${near}?)`}`,
  )
}

/** The last stage of that name in front of `before`, as BuildKit finds it. */
export function stageNamed(
  { stages }: ParsedDockerfile,
  name: string,
  before = Number.POSITIVE_INFINITY,
): Stage | undefined {
  const wanted = name.toLowerCase()
  return stages.findLast((stage) => stage.name === wanted && stage.index < before)
}
