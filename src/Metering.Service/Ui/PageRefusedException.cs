namespace Metering.Service.Ui;

/// <summary>What a page asked for is not there or not right; the message says why.</summary>
/// <param name="status">HTTP status of the answer.</param>
public sealed class PageRefusedException(int status, string message) : Exception(message)
{
    public int Status => status;
}
