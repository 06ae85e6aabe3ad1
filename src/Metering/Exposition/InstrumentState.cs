using System.Diagnostics.Metrics;

namespace Metering.Exposition;

/// <summary>One instrument that is listened to, with the family that it feeds.</summary>
internal sealed class InstrumentState(InstrumentKind kind, MetricFamily family, KeyValuePair<string, object?>[] constantTags)
{
    public InstrumentKind Kind => kind;

    public MetricType Type => family.Type;

    public MetricFamily Family => family;

    /// <summary>The tags of the meter and of the instrument; a measurement may override them.</summary>
    public ReadOnlySpan<KeyValuePair<string, object?>> ConstantTags => constantTags;

    /// <summary>Kind and type of an instrument; false for one that this version of the library does not know.</summary>
    public static bool TryClassify(Instrument instrument, out InstrumentKind kind, out MetricType type)
    {
        var generic = instrument.GetType().IsGenericType ? instrument.GetType().GetGenericTypeDefinition() : null;
        (kind, type, var known) =
            generic == typeof(Counter<>) ? (InstrumentKind.Increment, MetricType.Counter, true) :
            generic == typeof(UpDownCounter<>) ? (InstrumentKind.Increment, MetricType.Gauge, true) :
            generic == typeof(Gauge<>) ? (InstrumentKind.Value, MetricType.Gauge, true) :
            generic == typeof(ObservableCounter<>) ? (InstrumentKind.Observation, MetricType.Counter, true) :
            generic == typeof(ObservableUpDownCounter<>) ? (InstrumentKind.Observation, MetricType.Gauge, true) :
            generic == typeof(ObservableGauge<>) ? (InstrumentKind.Observation, MetricType.Gauge, true) :
            generic == typeof(Histogram<>) ? (InstrumentKind.Distribution, MetricType.Histogram, true) :
            (default, default, false);
        return known;
    }
}
