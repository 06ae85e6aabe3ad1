namespace Metering.Exposition;

/// <summary>How the measurements of an instrument are to be understood.</summary>
internal enum InstrumentKind
{
    /// <summary>Counter and up-down counter: each measurement is an increment.</summary>
    Increment,

    /// <summary>Gauge: each measurement is the value.</summary>
    Value,

    /// <summary>Observable instruments: each measurement is the value at the scrape.</summary>
    Observation,

    /// <summary>Histogram: each measurement goes into a bucket.</summary>
    Distribution,
}
