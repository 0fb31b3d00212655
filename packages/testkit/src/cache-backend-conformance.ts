import { blobConformance } from './cache-backend-conformance/blobs.js'
import { callConformance } from './cache-backend-conformance/calls.js'
import type { OpenCacheUnderTest } from './cache-backend-conformance/fixture.js'
import { recordConformance } from './cache-backend-conformance/records.js'
import type { RegisterTest } from './tests.js'

export type { CacheUnderTest, OpenCacheUnderTest } from './cache-backend-conformance/fixture.js'

/** What every place for a cache must do: contract `CacheBackend` of `@tsbuild/spec`.
 * @param open gives a fresh place for each test */
export function cacheBackendConformance(test: RegisterTest, open: OpenCacheUnderTest): void {
  blobConformance(test, open)
  recordConformance(test, open)
  callConformance(test, open)
}
