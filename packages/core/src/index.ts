export type {
  BuildOptions,
  BuildResult,
  BuildWarning,
  Engine,
  EngineInfo,
  EngineOptions,
  Entitlement,
  HistoryLine,
  ImageDetails,
  ImageSummary,
  Images,
  Output,
  RegistryAccess,
  SshSource,
  StepRecord,
} from './api.js'
export { build } from './build.js'
export { openEngine } from './engine.js'
export { BuildError, CoreError, type CoreErrorCode } from './errors.js'
