import type { Descriptor, Digest } from '@tsbuild/spec'
import { jsonRows } from '../database/rows.js'

/** A repository has a blob. */
export interface LinkRow {
  readonly size: number
  /** When the link was made or last looked for; milliseconds since the epoch. */
  readonly at: number
}

export interface ManifestRow {
  readonly mediaType: string
  readonly size: number
  /** What it names: none of it may be collected. */
  readonly names: readonly Digest[]
  readonly subject?: string
}

/** An upload that was begun. */
export interface UploadRow {
  readonly repository: string
  /** Session that may write to it. */
  readonly session: string
}

/** Rows are called `<repository>:<digest>`; no repository has a colon. */
export const linkRows = jsonRows<LinkRow>('repository-blobs')
/** The same the other way round, `<digest>@<repository>`: which repositories have a blob. */
export const holderRows = jsonRows<true>('blob-repositories')
/** `<repository>:<digest>` */
export const manifestRows = jsonRows<ManifestRow>('repository-manifests')
/** `<repository>:<tag>` */
export const tagRows = jsonRows<Digest>('repository-tags')
/** `<repository>:<subject>@<digest>` */
export const referrerRows = jsonRows<Descriptor>('repository-referrers')
/** Repositories that have a manifest. */
export const repositoryRows = jsonRows<true>('repositories')
/** By id. */
export const uploadRows = jsonRows<UploadRow>('blob-uploads')

/** Key of something that a repository has. */
export function within(repository: string, name: string): string {
  return `${repository}:${name}`
}

export function holderKey(digest: Digest, repository: string): string {
  return `${digest}@${repository}`
}

export function referrerKey(repository: string, subject: string, digest: string): string {
  return `${within(repository, subject)}@${digest}`
}
