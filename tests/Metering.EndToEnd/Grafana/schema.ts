// Grafana publishes its dashboard schema as types. JSON has texts where they have enums; everything else is taken as it is, and a member that the schema does not know is an error.
import type { Dashboard, FieldConfigSource } from '@grafana/schema';
import type { FieldConfig as TimeSeriesFields, Options as TimeSeriesOptions } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
import type { Options as StatOptions } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { Options as BarGaugeOptions } from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type { FieldConfig as TableFields, Options as TableOptions } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';

export type Json<T> = T extends string ? (string extends T ? string : `${T}`)
  : T extends number | boolean | null | undefined ? T
  : T extends (infer U)[] ? Json<U>[]
  : T extends object ? { [K in keyof T]: Json<T[K]> }
  : T;

export type Board = Json<Dashboard>;
export type TimeSeries = { options: Json<TimeSeriesOptions>; custom: Json<TimeSeriesFields> };
export type Stat = { options: Json<Partial<StatOptions>>; custom?: undefined };
export type BarGauge = { options: Json<Partial<BarGaugeOptions>>; custom?: undefined };
export type Table = { options: Json<Partial<TableOptions>>; custom: Json<Partial<TableFields>> };
export type Fields = Json<FieldConfigSource>;
