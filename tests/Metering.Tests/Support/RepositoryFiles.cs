namespace Metering.Tests.Support;

/// <summary>Files of the repository that tests hold against the code.</summary>
internal static class RepositoryFiles
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            if (File.Exists(Path.Combine(directory, "Metering.sln"))) return directory;
        }

        throw new InvalidOperationException($"Metering.sln is in no directory above {AppContext.BaseDirectory}.");
    }
}
