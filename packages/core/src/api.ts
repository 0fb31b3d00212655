export type {
  BuildOptions,
  BuildResult,
  BuildWarning,
  Entitlement,
  Output,
  SshSource,
  StepRecord,
} from './api/build.js'
export type { Engine, EngineInfo, EngineOptions } from './api/engine.js'
export type { HistoryLine, ImageDetails, ImageSummary, Images } from './api/images.js'
export type { RegistryAccess } from './api/registry.js'
