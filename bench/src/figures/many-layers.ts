import { createHash } from 'node:crypto'
import { tarOf } from '@tsbuild/testkit'

export const layersOfImage = 100

interface Described {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/** Puts an image of {@link layersOfImage} layers, a small file each that no other image has, into a repository of a registry. */
export async function pushManyLayers(repositoryUrl: string, number: number): Promise<void> {
  const add = (mediaType: string, content: Buffer) => pushBlob(repositoryUrl, describe(mediaType, content), content)
  const layers: Described[] = []
  for (let layer = 0; layer < layersOfImage; layer++) {
    layers.push(await add('layer.v1.tar', tarOf({ name: `file-${number}-${layer}`, data: `${number} ${layer}\n` })))
  }
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  }
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: await add('config.v1+json', Buffer.from(JSON.stringify(config))),
    layers,
  }
  await put(`${repositoryUrl}/manifests/${number}`, manifest.mediaType, JSON.stringify(manifest))
}

function describe(mediaType: string, content: Buffer): Described {
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`
  return { mediaType: `application/vnd.oci.image.${mediaType}`, digest, size: content.length }
}

/** In two requests, as the distribution spec has it ("POST then PUT"). */
async function pushBlob(repositoryUrl: string, blob: Described, content: Buffer): Promise<Described> {
  const begun = await fetch(`${repositoryUrl}/blobs/uploads/`, { method: 'POST' })
  const location = begun.headers.get('location')
  await begun.arrayBuffer()
  if (location === null) throw new Error(`Cannot push to "${repositoryUrl}": answer ${begun.status} without a location`)
  const target = new URL(location, repositoryUrl)
  target.searchParams.set('digest', blob.digest)
  await put(target.href, 'application/octet-stream', new Uint8Array(content))
  return blob
}

async function put(url: string, type: string, body: string | Uint8Array<ArrayBuffer>): Promise<void> {
  const answer = await fetch(url, { method: 'PUT', headers: { 'content-type': type }, body })
  await answer.arrayBuffer()
  if (!answer.ok) throw new Error(`Cannot push to "${url}": answer ${answer.status}`)
}
