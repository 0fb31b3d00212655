export type { CopyDigest, CopyOptions, FileEngine, FileEngineOptions, MakeDirectoryOptions } from './engine.js'
export type { ChainSource, ContextSource, CopyRequest, FileSource, InlineFile } from './request.js'
