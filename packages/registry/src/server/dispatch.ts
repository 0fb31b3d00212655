import type { RepositoryStore } from '@tsbuild/spec'
import type { ServerWorker } from '../server-worker.js'
import { deleteBlob, getBlob } from './blobs.js'
import type { Exchange } from './exchange.js'
import { Failure } from './failure.js'
import { listReferrers, listRepositories, listTags } from './listings.js'
import { deleteManifest, getManifest, putManifest } from './manifests.js'
import type { Route } from './routes.js'
import type { UploadTurns } from './upload-turns.js'
import { beginUpload, cancelUpload, continueUpload, finishUpload, uploadStatus } from './uploads.js'

/** What requests work on, and what they may do. */
export interface Service {
  readonly storage: RepositoryStore
  readonly worker: ServerWorker
  readonly turns: UploadTurns
  readonly readonly: boolean
  readonly allowDelete: boolean
}

type Handler = () => void | Promise<void>

/** Lets a request do what it asks for.
 * @throws {Failure} */
export async function dispatch(exchange: Exchange, route: Route, service: Service): Promise<void> {
  const handlers = handlersOf(exchange, route, service)
  const allow = [...Object.keys(handlers), ...('GET' in handlers ? ['HEAD'] : [])].join(', ')
  const handler = handlers[exchange.method === 'HEAD' ? 'GET' : exchange.method]
  if (handler === undefined)
    throw new Failure(405, 'UNSUPPORTED', `${exchange.method} is not possible here`, { headers: { allow } })
  checkAllowed(exchange, route, service)
  await handler()
}

/** Whether a request only reads. */
export function isPull(exchange: Exchange, route: Route): boolean {
  return (exchange.method === 'GET' || exchange.method === 'HEAD') && route.kind !== 'upload'
}

function handlersOf(exchange: Exchange, route: Route, { storage, turns, worker }: Service): Record<string, Handler> {
  switch (route.kind) {
    case 'version':
      return { GET: () => exchange.send(200, { 'content-type': 'application/json' }, '{}') }
    case 'catalog':
      return { GET: () => listRepositories(exchange, storage) }
    case 'tags':
      return { GET: () => listTags(exchange, storage, route.repository) }
    case 'referrers':
      return { GET: () => listReferrers(exchange, storage, route.repository, route.digest) }
    case 'blob': {
      const { repository, digest } = route
      return {
        GET: () => getBlob(exchange, storage, repository, digest),
        DELETE: () => deleteBlob(exchange, storage, repository, digest),
      }
    }
    case 'manifest': {
      const { repository, reference } = route
      return {
        GET: () => getManifest(exchange, storage, repository, reference),
        PUT: () => putManifest(exchange, { storage, worker, repository, reference }),
        DELETE: () => deleteManifest(exchange, storage, repository, reference),
      }
    }
    case 'uploads':
      return { POST: () => beginUpload(exchange, { storage, turns, repository: route.repository }) }
    case 'upload': {
      const target = { storage, turns, repository: route.repository, id: route.id }
      return {
        GET: () => uploadStatus(exchange, target),
        PATCH: () => continueUpload(exchange, target),
        PUT: () => finishUpload(exchange, target),
        DELETE: () => cancelUpload(exchange, target),
      }
    }
  }
}

/** @throws {Failure} `UNSUPPORTED` (405) */
function checkAllowed(exchange: Exchange, route: Route, { readonly, allowDelete }: Service): void {
  if (readonly && !isPull(exchange, route)) throw new Failure(405, 'UNSUPPORTED', 'the registry is read-only')
  if (!allowDelete && exchange.method === 'DELETE' && route.kind !== 'upload')
    throw new Failure(405, 'UNSUPPORTED', 'deleting is not enabled')
}
