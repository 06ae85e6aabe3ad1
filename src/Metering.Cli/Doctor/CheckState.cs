namespace Metering.Cli.Doctor;

/// <summary>How a check ended.</summary>
internal enum CheckState
{
    Ok,

    /// <summary>Works, with less than could be had.</summary>
    Warning,

    /// <summary>Metering does not work until this is put right.</summary>
    Failure,
}
