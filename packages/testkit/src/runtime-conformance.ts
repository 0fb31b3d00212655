import { busyboxRootfs } from './busybox-rootfs.js'
import { commandTests } from './runtime-conformance/commands.js'
import { endTests } from './runtime-conformance/ends.js'
import { benchTests, type CreateRuntime, type MakeRootfs } from './runtime-conformance/fixture.js'
import { isolationTests } from './runtime-conformance/isolation.js'
import { mountTests } from './runtime-conformance/mounts.js'
import { networkTests } from './runtime-conformance/network.js'
import { sandboxTests } from './runtime-conformance/sandbox.js'
import { userTests } from './runtime-conformance/users.js'
import type { RegisterTest } from './tests.js'

/** Registers the tests that every `Runtime` passes.
 * @param createRuntime makes one; it is disposed by the test
 * @param makeRootfs fills a directory with the root file system; it is `busyboxRootfs` unless the implementation needs another
 * @param skip why none of it can run here */
export function runtimeConformance(
  test: RegisterTest,
  createRuntime: CreateRuntime,
  makeRootfs: MakeRootfs = busyboxRootfs,
  skip: string | undefined = process.getuid?.() === 0 ? undefined : 'needs root',
): void {
  const benchTest = benchTests(test, createRuntime, makeRootfs, skip)
  for (const group of [commandTests, userTests, isolationTests, sandboxTests, networkTests, mountTests, endTests])
    group(benchTest)
}
