import { initHelpers } from './init-helpers.ts';
import type { DownloadTool } from './tool.ts';

/** Every tool whose downloads are known. */
export const downloadTools: readonly DownloadTool[] = [...initHelpers];
