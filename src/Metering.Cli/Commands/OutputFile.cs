using System.CommandLine;
using Metering.Cli.Client;
using Metering.Cli.Exports;
using Metering.Safety;

namespace Metering.Cli.Commands;

/// <summary>Reports that are written to a file, or to standard output as they come.</summary>
internal static class OutputFile
{
    public static Option<string?> Option() => new("--output", "-o") { Description = "A file to write to, whole or not at all; its ending says the format where --format does not", HelpName = "FILE" };

    /// <summary>Writes json, csv or xlsx; false when a table is to be shown. Throws <see cref="UserErrorException"/> when the file can not be written.</summary>
    public static async Task<bool> TryWriteAsync(ApiClient client, string path, string format, string? file, CancellationToken cancel)
    {
        if (format == "table" && file is not null)
        {
            format = Path.GetExtension(file).TrimStart('.').ToLowerInvariant();
            if (format is not ("json" or "csv" or "xlsx")) throw UserErrorException.Usage($"'{file}' does not end in .json, .csv or .xlsx; give --format.");
        }

        if (format == "table") return false;
        if (format == "xlsx" && file is null) throw UserErrorException.Usage("A workbook is a file; give -o FILE.xlsx.");
        using var response = await client.StreamAsync(format == "json" ? path : path + "&format=" + format, cancel);
        await using var content = await response.Content.ReadAsStreamAsync(cancel);
        if (file is null)
        {
            await using var standard = Console.OpenStandardOutput();
            await content.CopyToAsync(standard, cancel);
            if (format == "json") standard.WriteByte((byte)'\n');
            return true;
        }

        await SaveAsync(content, file, cancel);
        return true;
    }
    /// <summary>Writes a file, whole or not at all; what had the name before has it until then. Throws <see cref="UserErrorException"/> with the cause.</summary>
    public static async Task SaveAsync(Stream content, string file, CancellationToken cancel)
    {
        try
        {
            await using var pending = new PendingFile(file);
            await content.CopyToAsync(pending.Stream, cancel);
            await pending.CompleteAsync(cancel);
            pending.Publish();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or HttpRequestException)
        {
            throw new UserErrorException($"'{file}' can not be written: {e.Message.TrimEnd('.')}. What was there is unchanged; try again, or give another -o.", inner: e);
        }
    }
}
