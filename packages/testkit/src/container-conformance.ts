import type { ContainerRuntime } from '@tsbuild/spec'
import { busyboxRootfs } from './busybox-rootfs.js'
import { containerTests } from './container-conformance/fixture.js'
import { joinTests } from './container-conformance/joins.js'
import { lastingTests } from './container-conformance/lasting.js'
import { pauseTests } from './container-conformance/pauses.js'
import { terminalTests } from './container-conformance/terminals.js'
import { benchTests, type CreateRuntime } from './runtime-conformance/fixture.js'
import type { RegisterTest } from './tests.js'

/** Registers the tests that every `ContainerRuntime` passes besides those of `runtimeConformance`. */
export function containerConformance(
  test: RegisterTest,
  createRuntime: CreateRuntime<ContainerRuntime>,
  skip: string | undefined = process.getuid?.() === 0 ? undefined : 'needs root',
): void {
  const containerTest = containerTests(benchTests(test, createRuntime, busyboxRootfs, skip))
  for (const group of [lastingTests, terminalTests, joinTests, pauseTests]) group(containerTest, createRuntime)
}
