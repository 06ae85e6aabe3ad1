using Metering.Safety;

namespace Metering.Configuration;

/// <summary>
/// Secrets that a supervisor hands over as files and not as environment: <c>$CREDENTIALS_DIRECTORY</c>, which systemd sets for <c>LoadCredential=</c>
/// and which container set-ups point to where their secrets are mounted (<c>/run/secrets</c>). A file is named like the setting, <c>Section__Key</c>, or like the variable that it stands for.
/// </summary>
public static class Credentials
{
    public const string DirectoryVariable = "CREDENTIALS_DIRECTORY";

    private const int MaxBytes = 64 << 10;

    /// <summary>The files of the directory that are named like settings, as <c>Section:Key</c>. Throws <see cref="UserErrorException"/> for one that can not be read.</summary>
    public static IReadOnlyDictionary<string, string?> Settings()
    {
        var found = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        if (Directory() is not { } directory) return found;
        foreach (var file in System.IO.Directory.EnumerateFiles(directory))
        {
            // What begins with a point is how Kubernetes changes all files of a volume at once.
            var name = Path.GetFileName(file);
            if (!name.StartsWith('.') && name.Contains("__", StringComparison.Ordinal)) found[name.Replace("__", ":")] = Read(file);
        }

        return found;
    }

    /// <summary>The variable of this name, or the file of this name; null when there is neither, or it is empty.</summary>
    public static string? Text(string name)
    {
        if (Environment.GetEnvironmentVariable(name) is { Length: > 0 } set) return set;
        return Directory() is { } directory && Path.Combine(directory, name) is var file && File.Exists(file) && Read(file) is { Length: > 0 } text ? text : null;
    }

    private static string? Directory() => Environment.GetEnvironmentVariable(DirectoryVariable) is { Length: > 0 } directory && System.IO.Directory.Exists(directory) ? directory : null;

    private static string Read(string file)
    {
        try
        {
            if (new FileInfo(file).Length > MaxBytes) throw UserErrorException.Usage($"The credential {file} has more than {MaxBytes} bytes; it must hold one value.");
            return File.ReadAllText(file).TrimEnd('\r', '\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw UserErrorException.Usage($"The credential {file} can not be read ({e.Message}); its owner must be the user that this program runs as.");
        }
    }
}
