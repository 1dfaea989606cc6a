import type { Platform } from '@mabuild/oci';

/** What a build tells while it runs; data only, words and colours are the CLI's. */
export type BuildEvent =
  | {
      readonly type: 'task';
      readonly platform: Platform;
      readonly state: 'started' | 'built' | 'exporting' | 'finished' | 'failed' | 'canceled';
      readonly detail?: string;
    }
  | {
      readonly type: 'step';
      readonly platform: Platform;
      /** Names the step within this build; log and status events repeat it. */
      readonly id: string;
      readonly name: string;
      readonly state: 'started' | 'cached' | 'done' | 'failed';
      readonly seconds?: number;
      readonly error?: string;
    }
  | {
      readonly type: 'log';
      readonly platform: Platform;
      readonly id: string;
      readonly stream: 'stdout' | 'stderr';
      readonly text: string;
    }
  | {
      readonly type: 'status';
      readonly platform: Platform;
      readonly id: string;
      readonly name: string;
      /** Bytes; 0 when unknown. */
      readonly current: number;
      readonly total: number;
    }
  | {
      readonly type: 'warning';
      readonly platform?: Platform;
      readonly code: string;
      readonly message: string;
    };

export type OnBuildEvent = (event: BuildEvent) => void;
