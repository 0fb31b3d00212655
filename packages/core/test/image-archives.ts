import { gzipSync } from 'node:zlib'
import { digestHex, digestOf } from '@tsbuild/spec'
import { type TarFixture, tarOf } from '@tsbuild/testkit'
import { rootfs } from './images-support.js'

export const layer = rootfs({ a: 'one' })
export const second = rootfs({ b: 'two' })
export const hex = (data: string | Buffer) => digestHex(digestOf(data))
export const json = (value: unknown) => JSON.stringify(value)

export function configOf(...layers: readonly Buffer[]): string {
  return json({
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['/a'] },
    rootfs: { type: 'layers', diff_ids: layers.map((tar) => digestOf(tar)) },
    history: layers.map((_, at) => ({ created: '2024-01-02T03:04:05Z', created_by: `step ${at}` })),
  })
}

/** As Docker 20.10 writes it. */
export function dockerArchive(
  change: (members: TarFixture[], entry: Record<string, unknown>) => void = () => {},
): Buffer {
  const config = configOf(layer, second)
  const entry: Record<string, unknown> = {
    Config: `${hex(config)}.json`,
    RepoTags: ['app:1'],
    Layers: ['1/layer.tar', '2/layer.tar'],
  }
  const members: TarFixture[] = [
    { name: '1/' },
    { name: '1/layer.tar', data: layer },
    { name: '2/layer.tar', data: second },
    { name: `${hex(config)}.json`, data: config },
  ]
  change(members, entry)
  return tarOf(...members, { name: 'manifest.json', data: json([entry]) })
}

interface LayoutParts {
  readonly blobs: Map<string, string | Buffer>
  index: { readonly schemaVersion: number; manifests: Record<string, unknown>[] }
}

/** An OCI image layout with one image. */
export function layout(change: (parts: LayoutParts) => void = () => {}): Buffer {
  const config = configOf(layer)
  const packed = gzipSync(layer)
  const manifest = json({
    schemaVersion: 2,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.length },
    layers: [
      { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digestOf(packed), size: packed.length },
    ],
  })
  const parts: LayoutParts = {
    blobs: new Map<string, string | Buffer>([
      [hex(config), config],
      [hex(packed), packed],
      [hex(manifest), manifest],
    ]),
    index: {
      schemaVersion: 2,
      manifests: [
        {
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          digest: digestOf(manifest),
          size: manifest.length,
          annotations: { 'org.opencontainers.image.ref.name': 'localhost:5000/app:1' },
        },
      ],
    },
  }
  change(parts)
  const blobs = [...parts.blobs].map(([name, data]): TarFixture => ({ name: `blobs/sha256/${name}`, data }))
  return tarOf(...blobs, { name: 'index.json', data: json(parts.index) })
}
