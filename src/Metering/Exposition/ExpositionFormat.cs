namespace Metering.Exposition;

/// <summary>The two text formats that Prometheus and its relatives scrape.</summary>
public enum ExpositionFormat
{
    /// <summary>Prometheus text format 0.0.4; what a client gets that asks for nothing in particular.</summary>
    PrometheusText,

    /// <summary>OpenMetrics 1.0.0: counter families without <c>_total</c>, <c>UNIT</c> lines, and <c># EOF</c> that proves completeness.</summary>
    OpenMetrics,
}
