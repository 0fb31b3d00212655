import type { GcPolicy } from '../api/cache.js'
import type { EngineOptions } from '../api.js'
import { CoreError } from '../errors.js'
import { ConfigReader, configDocuments, type Environment } from '../registries/config-file.js'
import { amount } from './gc-policy.js'

const spaces = ['reservedSpace', 'maxUsedSpace', 'minFreeSpace'] as const

/** The program's own policy, else that of the configuration files, the user's over the machine's.
 * @throws {CoreError} `CONFIG_INVALID`, `OPTION_INVALID` */
export async function readGcPolicy(
  { gc, registry }: EngineOptions,
  env: Environment = process.env,
): Promise<GcPolicy | false> {
  if (gc === false) return false
  if (gc !== undefined) return checked(gc)
  if (registry?.configPath === false) return {}
  let policy = {} as GcPolicy | false
  for (const { path, value } of await configDocuments(registry?.configPath, env)) {
    const found = parseGcPolicy(value, new ConfigReader(path, env))
    if (found !== undefined) policy = found === false || policy === false ? found : { ...policy, ...found }
  }
  return policy
}

/** Member `gc` of a configuration: `false`, or an object with limits.
 * @throws {CoreError} `CONFIG_INVALID` */
export function parseGcPolicy(document: unknown, reader: ConfigReader): GcPolicy | false | undefined {
  const { gc } = reader.object(document, '')
  if (gc === undefined || gc === false) return gc
  const policy = reader.members(gc, 'gc', spaces)
  for (const [name, value] of Object.entries(policy)) {
    const known = typeof value === 'number' || typeof value === 'string' ? amount(value, 1) : Number.NaN
    if (Number.isNaN(known)) throw reader.invalid(`gc.${name} is no size`, 'Write it as bytes, "10gb" or "20%"')
  }
  return policy as GcPolicy
}

function checked(policy: GcPolicy): GcPolicy {
  const bad = spaces.find((name) => Number.isNaN(amount(policy[name], 1)))
  if (bad === undefined) return policy
  throw new CoreError('OPTION_INVALID', `Cannot use ${bad} "${policy[bad]}": it is no size`, {
    hint: 'Write it as bytes, "10gb" or "20%"',
  })
}
