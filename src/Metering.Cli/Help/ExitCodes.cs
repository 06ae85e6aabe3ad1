namespace Metering.Cli.Help;

/// <summary>What a command's exit code tells.</summary>
internal static class ExitCodes
{
    private static readonly string[] Usual = ["0  done", "1  it failed: one sentence on standard error says why and what helps", "2  wrong use: an option, a value or the configuration", "130  interrupted"];

    private static readonly Dictionary<string, string[]> Special = new(StringComparer.Ordinal)
    {
        ["verify"] = ["0  everything adds up", "1  something does not: the first discrepancy is named", "2  wrong use", "3  it could not look: no service, no ledger, no key"],
        ["prove"] = ["0  what is billed is within what the kernel counted", "1  more was billed, a parent does not add up, or it failed", "2  wrong use"],
        ["run"] = ["the command's own, 128 + N when signal N ended it", "126  the command can not be executed", "127  the command was not found", "1, 2  as everywhere, before the command began"],
        ["doctor"] = ["0  this host can be metered", "1  something must be put right, marked ✗", "2  wrong use"],
        ["export focus"] = ["0  written, and every rule holds if it was checked", "1  a rule is broken, or it could not be written", "2  wrong use"],
        ["timeseries rebuild"] = ["0  everything is written", "1  it failed, or the server refused points", "2  wrong use"],
    };

    public static IReadOnlyList<string> Of(string path) => Special.GetValueOrDefault(path, Usual);
}
