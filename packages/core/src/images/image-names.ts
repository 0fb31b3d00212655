import type { ImageNames, ImageTarget } from '@tsbuild/store'

/** How the store names an image that has no name: Docker's "dangling" images. */
const dangling = '<none>@'

export function isDangling(name: string): boolean {
  return name.startsWith(dangling)
}

/** Gives `name` to an image. The image that had it stays, without a name, unless it has another one. */
export async function assignName(names: ImageNames, name: string, target: ImageTarget): Promise<void> {
  const before = names.get(name)
  if (before?.manifest.digest === target.manifest.digest) return
  await names.set(name, target)
  await names.remove(dangling + target.manifest.digest)
  if (before !== undefined) await keepUnnamed(names, before)
}

/** Keeps an image that has no name, so that its id leads to it. */
export async function keepUnnamed(names: ImageNames, { manifest, platform }: ImageTarget): Promise<void> {
  if (names.list().some((image) => image.manifest.digest === manifest.digest)) return
  await names.set(dangling + manifest.digest, { manifest, platform })
}
