export type {
  BuildOptions,
  BuildResult,
  BuildWarning,
  Engine,
  EngineInfo,
  EngineOptions,
  HistoryLine,
  ImageDetails,
  ImageSummary,
  Images,
  Output,
  RegistryAccess,
  StepRecord,
} from './api.js'
export { build } from './build.js'
export { openEngine } from './engine.js'
export { BuildError, CoreError, type CoreErrorCode } from './errors.js'
