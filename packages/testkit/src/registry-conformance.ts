import type { OpenRegistry } from './registry-conformance/ask.js'
import { discoveryConformance } from './registry-conformance/discovery.js'
import { managementConformance } from './registry-conformance/management.js'
import { manifestConformance } from './registry-conformance/manifests.js'
import { pullConformance } from './registry-conformance/pull.js'
import { pushConformance } from './registry-conformance/push.js'
import type { Trait } from './registry-conformance/traits.js'
import type { RegisterTest } from './tests.js'

export type { OpenRegistry, RegistryUnderTest } from './registry-conformance/ask.js'
export type { Trait as RegistryTrait } from './registry-conformance/traits.js'

/** What every registry must do by the OCI distribution spec 1.1: pull, push, content discovery, content management.
 * @param lacks what this registry does not have, where the spec leaves it to registries or is newer than it */
export function registryConformance(test: RegisterTest, open: OpenRegistry, lacks: readonly Trait[] = []): void {
  pullConformance(test, open, lacks)
  pushConformance(test, open, lacks)
  manifestConformance(test, open, lacks)
  discoveryConformance(test, open, lacks)
  managementConformance(test, open, lacks)
}
