export { type BaseImage, type BaseImageName, baseImage, baseImageProblem } from './base-images/base-image.js'
export {
  type BaseRegistry,
  type BaseRegistryOptions,
  baseRegistryProblem,
  startBaseRegistry,
} from './base-images/base-registry.js'
export { makeBusyboxRootfs } from './base-images/busybox.js'
export { type CommandOptions, command, findProgram } from './base-images/command.js'
export { busyboxRootfs } from './busybox-rootfs.js'
export { type CacheUnderTest, cacheBackendConformance, type OpenCacheUnderTest } from './cache-backend-conformance.js'
export { containerConformance } from './container-conformance.js'
export { isSmooth, type LoopDelay, loopDelays } from './loop-delay.js'
export { inMount } from './mount-shell.js'
export {
  type OpenRegistry,
  type RegistryTrait,
  type RegistryUnderTest,
  registryConformance,
} from './registry-conformance.js'
export {
  freePort,
  type KeyPair,
  makeCertificate,
  type RegistryServer,
  type RegistryServerOptions,
  registryProblem,
  startRegistry,
} from './registry-server.js'
export type { CreateRuntime, MakeRootfs } from './runtime-conformance/fixture.js'
export { runtimeConformance } from './runtime-conformance.js'
export { type S3Server, startS3Server } from './s3-server.js'
export { type CreateSnapshotter, sameLayersConformance, snapshotterConformance } from './snapshotter-conformance.js'
export { base256, type ListedEntry, listTar, type TarFixture, tarEnd, tarEntries, tarOf } from './tar-fixture.js'
export { type TempDir, tempDir } from './temp-dir.js'
export { type RegisterTest, type TestOptions, tests } from './tests.js'
