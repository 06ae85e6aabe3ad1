using System.CommandLine;

namespace Metering.Cli.Commands;

/// <summary>Options that several commands share.</summary>
internal static class CommonOptions
{
    public const string DefaultData = "./metering-data";
    public const string DefaultUrl = "http://127.0.0.1:5080";

    public static Option<string> Data() => new("--data") { Description = "The data directory", DefaultValueFactory = _ => DefaultData, HelpName = "DIR" };

    public static Option<string?> Url() => new("--url") { Description = $"The service; default METERING_URL, else {DefaultUrl}", HelpName = "URL" };

    public static Option<string?> Key() => new("--key") { Description = "The API key; default METERING_KEY, else admin.key of --data", HelpName = "KEY" };

    public static Option<string> Format()
    {
        var option = new Option<string>("--format") { Description = "table, json or csv", DefaultValueFactory = _ => "table" };
        option.AcceptOnlyFromAmong("table", "json", "csv");
        return option;
    }

    /// <summary>For reports, which are files as well.</summary>
    public static Option<string> ReportFormat()
    {
        var option = new Option<string>("--format") { Description = "table, json, csv or xlsx", DefaultValueFactory = _ => "table" };
        option.AcceptOnlyFromAmong("table", "json", "csv", "xlsx");
        return option;
    }

    /// <summary>For what is one thing and not a list.</summary>
    public static Option<string> TableOrJson()
    {
        var option = new Option<string>("--format") { Description = "table or json", DefaultValueFactory = _ => "table" };
        option.AcceptOnlyFromAmong("table", "json");
        return option;
    }
}
