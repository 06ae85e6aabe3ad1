namespace Metering.Safety;

/// <summary>Something that a person can put right: one sentence with the cause and the remedy, shown without a stack trace.</summary>
/// <param name="exitCode">1 failure, 2 wrong use (option, configuration).</param>
public sealed class UserErrorException(string message, int exitCode = 1, Exception? inner = null) : Exception(message, inner)
{
    public int ExitCode { get; } = exitCode;

    /// <summary>Wrong option or configuration value: exit code 2.</summary>
    public static UserErrorException Usage(string message) => new(message, exitCode: 2);
}
