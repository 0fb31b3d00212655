import { createRequire } from 'node:module'

/** Finds lmdb where packages are installed. A bundle has a module in this one's place that brings lmdb's code along. */
export function requireLmdb(): typeof import('lmdb') {
  return createRequire(import.meta.url)('lmdb') as typeof import('lmdb')
}
