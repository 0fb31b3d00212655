import { type Descriptor, type ImageIndex, mediaTypes } from '@tsbuild/spec'

/** OCI image spec, image-layout.md "oci-layout file". */
export const layoutFile = '{"imageLayoutVersion":"1.0.0"}'
export const initialIndex = formatIndex([])

/** OCI image spec, image-layout.md "index.json file". */
export function formatIndex(manifests: readonly Descriptor[]): string {
  const index: ImageIndex = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }
  return JSON.stringify(index)
}

/** A manifest's descriptor as `index.json` names it: skopeo and podman look for the first annotation, containerd for the second. */
export function namedDescriptor(manifest: Descriptor, name: string): Descriptor {
  return {
    ...manifest,
    annotations: {
      ...manifest.annotations,
      'org.opencontainers.image.ref.name': name,
      'io.containerd.image.name': name,
    },
  }
}
