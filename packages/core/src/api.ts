export type {
  BuildOptions,
  BuildResult,
  BuildSandbox,
  BuildWarning,
  DockerfileOptions,
  DockerfileSource,
  Entitlement,
  SshSource,
  StepNetwork,
  StepRecord,
} from './api/build.js'
export type {
  Cache,
  CacheEntry,
  CacheEntryType,
  CacheFilter,
  GcPolicy,
  PruneCacheOptions,
  PrunedCache,
  Space,
} from './api/cache.js'
export type {
  CommitOptions,
  CommittedImage,
  ContainerChange,
  CopiedFiles,
  CopyFilesOptions,
  FilesDestination,
  FilesSource,
} from './api/container-files.js'
export type {
  Attachment,
  AttachOptions,
  Container,
  ContainerDetails,
  ContainerListOptions,
  ContainerLogOptions,
  ContainerMount,
  ContainerNetwork,
  ContainerOptions,
  ContainerStatus,
  ContainerSummary,
  Containers,
  ExecOptions,
  ExecResult,
  HealthStatus,
  LogEntry,
  LogOptions,
  PublishedPort,
  RunContainerOptions,
  RunContainerResult,
  StartContainerOptions,
  StopContainerOptions,
} from './api/containers.js'
export type { Engine, EngineInfo, EngineOptions } from './api/engine.js'
export type { BuildReport, PlannedStep, PlanOptions, PlanResult, ReportedStep } from './api/explain.js'
export type {
  ArchiveDestination,
  ArchiveEvent,
  ArchiveFormat,
  ArchiveSource,
  GraphDriver,
  ImageFilter,
  ImageListOptions,
  ImportedImage,
  ImportOptions,
  LoadedImage,
  LoadOptions,
  PruneImagesOptions,
  RemovedImage,
  RemoveImageOptions,
  SaveOptions,
} from './api/image-options.js'
export type { HistoryLine, ImageDetails, ImageSummary, Images } from './api/images.js'
export type { CheckReport, CheckRootOptions } from './api/maintenance.js'
export type {
  ManifestAnnotations,
  ManifestCallOptions,
  ManifestList,
  ManifestListEntry,
  ManifestLists,
  PushManifestListOptions,
} from './api/manifest-lists.js'
export type { Annotation, ImageVariant, LayerCompression, Output } from './api/output.js'
export type {
  LoginOptions,
  LoginResult,
  Registries,
  RegistryAccess,
  RegistryHost,
  RegistryRetry,
} from './api/registry.js'
export type { AccessRecord, RegistryAuth, RegistryServer, ServeRegistryOptions } from './api/registry-server.js'
export type {
  PullEvent,
  PulledImage,
  PullOptions,
  PullState,
  PushEvent,
  PushedImage,
  PushOptions,
  PushState,
} from './api/transfer.js'
