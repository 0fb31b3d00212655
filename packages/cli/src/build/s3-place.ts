import type { S3CachePlace } from '@tsbuild/core'
import { parseDuration } from '../containers/duration.js'
import type { Io } from '../io.js'
import type { SpecMembers } from '../spec-members.js'

/** Members of `type=s3` that say where a cache lies. */
export const s3Keys = [
  'bucket',
  'region',
  'endpoint_url',
  'prefix',
  'blobs_prefix',
  'manifests_prefix',
  'name',
  'use_path_style',
  'access_key_id',
  'secret_access_key',
  'session_token',
] as const

/** Reads what `type=s3` says of the place. Credentials and the region that are not there, or empty, are left to the backend, which finds
 * them as AWS programs do.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function s3Place(members: SpecMembers, env: Io['env']): S3CachePlace {
  const bucket = members.get('bucket') || env.AWS_BUCKET || ''
  if (bucket === '') throw members.bad('type=s3 needs bucket=…, or AWS_BUCKET in the environment')
  const prefix = members.get('prefix')
  const blobsPrefix = members.get('blobs_prefix')
  const manifestsPrefix = members.get('manifests_prefix')
  const usePathStyle = members.flag('use_path_style')
  const region = members.get('region')
  return {
    type: 's3',
    bucket,
    ...(region ? { region } : {}),
    ...endpoint(members),
    ...(prefix === undefined ? {} : { prefix }),
    ...(blobsPrefix === undefined ? {} : { blobsPrefix }),
    ...(manifestsPrefix === undefined ? {} : { manifestsPrefix }),
    ...names(members),
    ...(usePathStyle === undefined ? {} : { usePathStyle }),
    ...credentials(members),
    ...touchRefresh(members),
  }
}

function credentials(members: SpecMembers): Pick<S3CachePlace, 'accessKeyId' | 'secretAccessKey' | 'sessionToken'> {
  const accessKeyId = members.get('access_key_id')
  const secretAccessKey = members.get('secret_access_key')
  const sessionToken = members.get('session_token')
  if (!accessKeyId && !secretAccessKey && !sessionToken) return {}
  if (!accessKeyId || !secretAccessKey)
    throw members.bad('access_key_id and secret_access_key belong together', 'Or leave both to the environment')
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }
}

function endpoint(members: SpecMembers): Pick<S3CachePlace, 'endpointUrl'> {
  const value = members.get('endpoint_url')
  if (!value) return {}
  if (!/^https?:\/\//.test(value) || !URL.canParse(value))
    throw members.bad('endpoint_url is not http(s)://host[:port]', 'e.g. endpoint_url=http://127.0.0.1:9000')
  return { endpointUrl: value }
}

function names(members: SpecMembers): Pick<S3CachePlace, 'names'> {
  const value = members.get('name')
  if (value === undefined) return {}
  const all = value.split(';')
  if (all.includes('')) throw members.bad('one of its names is empty')
  return { names: all }
}

function touchRefresh(members: SpecMembers): Pick<S3CachePlace, 'touchRefreshMs'> {
  const value = members.get('touch_refresh')
  if (value === undefined) return {}
  const touchRefreshMs = parseDuration(value)
  if (touchRefreshMs === undefined) throw members.bad(`touch_refresh "${value}" is not a duration`, 'e.g. 24h')
  return { touchRefreshMs }
}
