namespace Metering.Cli.Doctor;

/// <summary>One thing that was looked at.</summary>
/// <param name="Remedy">What to do; null when nothing needs doing.</param>
internal sealed record Check(string Name, CheckState State, string Finding, string? Remedy = null)
{
    public static Check Ok(string name, string finding) => new(name, CheckState.Ok, finding);

    public static Check Warning(string name, string finding, string? remedy = null) => new(name, CheckState.Warning, finding, remedy);

    public static Check Failure(string name, string finding, string remedy) => new(name, CheckState.Failure, finding, remedy);
}
