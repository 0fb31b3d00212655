import { hash } from 'node:crypto'
import { SpecError } from './errors.js'

declare const brand: unique symbol

/** `sha256:` and 64 lower-case hex digits (OCI image spec, descriptor.md "Digests"). */
export type Digest = `sha256:${string}` & { readonly [brand]: 'Digest' | 'DiffID' | 'ChainID' }
/** Digest of a layer's uncompressed tar (OCI image spec, config.md "Layer DiffID"). */
export type DiffID = Digest & { readonly [brand]: 'DiffID' }
/** Digest that identifies a stack of layers (OCI image spec, config.md "Layer ChainID"). */
export type ChainID = Digest & { readonly [brand]: 'ChainID' }

const pattern = /^sha256:[0-9a-f]{64}$/

/** Whether `value` is a well-formed sha256 digest. */
export function isDigest(value: unknown): value is Digest {
  return typeof value === 'string' && pattern.test(value)
}

/** @throws {SpecError} `DIGEST_INVALID` */
export function parseDigest(value: string): Digest {
  if (isDigest(value)) return value
  throw new SpecError('DIGEST_INVALID', `Cannot parse digest "${value.slice(0, 100)}": not sha256:<64 hex digits>`)
}

/** SHA-256 of `data` (a string counts as UTF-8). */
export function digestOf(data: string | Uint8Array): Digest {
  return digestFromHex(hash('sha256', data))
}

/** Makes a digest of the 64 hex digits that a hash object gave. */
export function digestFromHex(hex: string): Digest {
  return parseDigest(`sha256:${hex}`)
}

/** The hex digits of a digest, the file name of its blob in an OCI image layout. */
export function digestHex(digest: Digest): string {
  return digest.slice('sha256:'.length)
}

/** The same digest under the name of a layer's uncompressed content. */
export function asDiffID(digest: Digest): DiffID {
  return digest as DiffID
}

/** ChainIDs of every prefix of `diffIds`, lowest first: `ChainID(L0) = L0`, `ChainID(L0|…|Ln) = SHA256(ChainID(L0|…|Ln-1) + " " + Ln)`. */
export function chainIDs(diffIds: readonly DiffID[]): ChainID[] {
  const out: ChainID[] = []
  for (const diffId of diffIds) {
    const below = out.at(-1)
    out.push((below === undefined ? diffId : digestOf(`${below} ${diffId}`)) as ChainID)
  }
  return out
}

/** ChainID of the whole stack; `undefined` for no layers at all. */
export function chainID(diffIds: readonly DiffID[]): ChainID | undefined {
  return chainIDs(diffIds).at(-1)
}
