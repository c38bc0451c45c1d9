// What the dashboard is made of, in Grafana's own types: the panels that it has, with
// their options, and queries of Prometheus.
import type { Dashboard, DataSourceRef, FieldConfig, GraphFieldConfig, Panel, RowPanel, VariableModel } from '@grafana/schema';
import type { Options as StatOptions } from '@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen.d.ts';
import type { Options as TimeSeriesOptions } from '@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen.d.ts';

interface Target {
  datasource: DataSourceRef;
  refId: string;
  expr: string;
  legendFormat: string;
  instant?: boolean;
  range?: boolean;
}

type Shown<Type extends string, Options, Custom> = Required<Pick<Panel, 'id' | 'title' | 'gridPos' | 'datasource'>> &
  Omit<Panel, 'type' | 'options' | 'targets' | 'fieldConfig'> & {
    type: Type;
    options: Options;
    targets: Target[];
    fieldConfig: { defaults: Omit<FieldConfig, 'custom'> & Custom; overrides: [] };
  };

type Stat = Shown<'stat', StatOptions, unknown>;
type TimeSeries = Shown<'timeseries', TimeSeriesOptions, { custom: GraphFieldConfig }>;
type Row = Omit<RowPanel, 'type'> & { type: 'row' };

// A query of Prometheus for the values of a variable, as its data source writes it.
type Variable = Omit<VariableModel, 'query'> & { query: string | { query: string; refId: string } };

// JSON has the values of enumerations, not their names.
type JSONOf<T> = T extends string
  ? `${T}`
  : T extends (infer Item)[]
    ? JSONOf<Item>[]
    : T extends object
      ? { [Key in keyof T]: JSONOf<T[Key]> }
      : T;

export type WorkerDashboard = JSONOf<
  Omit<Dashboard, 'panels' | 'templating'> & {
    uid: string;
    title: string;
    panels: (Stat | TimeSeries | Row)[];
    templating: { list: Variable[] };
  }
>;
