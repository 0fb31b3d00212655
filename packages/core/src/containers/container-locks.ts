import type { CallOptions, KeyLocks } from '@tsbuild/spec'

/** Does `body` while nobody else, in any process, starts, changes or removes the container. Does not keep it from ending. */
export async function withContainerLock<T>(
  { locks }: { readonly locks: KeyLocks },
  id: string,
  { signal }: CallOptions,
  body: () => Promise<T>,
): Promise<T> {
  await using _lock = await locks.acquire(`container-${id}`, signal === undefined ? {} : { signal })
  return await body()
}
