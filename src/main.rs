fn main() -> std::process::ExitCode {
    formake::cli::main()
}
